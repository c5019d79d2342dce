import { Start } from "@/parts/start";

export default function StartPage() {
  return (
    <main className="page narrow start">
      <h1>Everybody in their place</h1>
      <p className="lead">
        Sign in, and see the organizations you belong to, who else is in them, and what they know about you.
      </p>
      <Start />
    </main>
  );
}

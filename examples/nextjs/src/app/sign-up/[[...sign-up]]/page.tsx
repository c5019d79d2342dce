import { SignUp } from "@clerk/nextjs";
import type { Metadata } from "next";

export const metadata: Metadata = { title: "Sign up" };

export default function SignUpPage() {
  return (
    <main className="page centered">
      <SignUp appearance={{ options: { showOptionalFields: true } }} />
    </main>
  );
}

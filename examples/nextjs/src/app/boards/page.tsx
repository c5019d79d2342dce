import type { Metadata } from "next";
import { Boards } from "./boards";

export const metadata: Metadata = { title: "My organizations" };

export default function BoardsPage() {
  return (
    <main className="page">
      <Boards />
    </main>
  );
}

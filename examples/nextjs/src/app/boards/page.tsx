import type { Metadata } from "next";
import { protect } from "@/session/protect";
import { Boards } from "./boards";

export const metadata: Metadata = { title: "My organizations" };

export default async function BoardsPage() {
  await protect();
  return (
    <main className="page">
      <Boards />
    </main>
  );
}

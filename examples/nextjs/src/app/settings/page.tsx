import type { Metadata } from "next";
import { protect } from "@/session/protect";
import { Settings } from "./settings";

export const metadata: Metadata = { title: "Settings" };

export default async function SettingsPage() {
  await protect();
  return (
    <main className="page narrow">
      <h1>Settings</h1>
      <Settings />
    </main>
  );
}

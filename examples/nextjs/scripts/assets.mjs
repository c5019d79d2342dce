// Copies Clerk's browser scripts from node_modules to public/clerk, so that the application loads nothing
// from any other host. Their versions are those of package-lock.json.

import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");
const target = path.join(root, "public/clerk");

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const parts = [
  ["clerk-js", (name) => name === "clerk.browser.js" || name.includes("_clerk.browser_")],
  ["ui", (name) => name === "ui.browser.js" || name.includes("_ui_")],
];
for (const [name, isWanted] of parts) {
  const source = path.join(root, "node_modules/@clerk", name, "dist");
  for (const file of readdirSync(source)) {
    if (file.endsWith(".js") && isWanted(file)) cpSync(path.join(source, file), path.join(target, file));
  }
}

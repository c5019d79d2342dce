import { auth } from "@clerk/nextjs/server";
import { authMode } from "./mode";

/** In a page for people who are signed in: leads everybody else to the sign-in, and back afterwards. */
export async function protect(): Promise<void> {
  if (authMode === "clerk") await auth.protect();
}

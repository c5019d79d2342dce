import { clerkMiddleware } from "@clerk/nextjs/server";
import { NextResponse } from "next/server";
import { authMode } from "@/session/mode";

// Finds out who is asking. What they may see is asked where it is shown: `protect` in each page.
// The shared token of a self-hosted server never leaves the browser's memory, so there is nothing to find out.
export default authMode === "clerk" ? clerkMiddleware() : () => NextResponse.next();

export const config = {
  matcher: [
    // Everything but Next's own files and static ones, unless they are named in a query string.
    "/((?!_next|[^?]*\\.(?:html?|css|js(?!on)|jpe?g|webp|png|gif|svg|ttf|woff2?|ico|csv|docx?|xlsx?|zip|webmanifest)).*)",
    "/(api|trpc)(.*)",
  ],
};

import { clerkMiddleware, createRouteMatcher } from "@clerk/nextjs/server";
import { NextResponse } from "next/server";
import { authMode } from "@/session/mode";

const isProtected = createRouteMatcher(["/boards(.*)", "/settings(.*)", "/organization(.*)", "/invitations(.*)"]);

const withClerk = clerkMiddleware(async (auth, request) => {
  if (isProtected(request)) await auth.protect();
});

// The shared token of a self-hosted server never leaves the browser's memory, so there is nothing to check here.
export default authMode === "clerk" ? withClerk : () => NextResponse.next();

export const config = {
  matcher: [
    // Everything but Next's own files and static ones, unless they are named in a query string.
    "/((?!_next|[^?]*\\.(?:html?|css|js(?!on)|jpe?g|webp|png|gif|svg|ttf|woff2?|ico|csv|docx?|xlsx?|zip|webmanifest)).*)",
    "/(api|trpc)(.*)",
  ],
};

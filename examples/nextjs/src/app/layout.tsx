import { ClerkProvider } from "@clerk/nextjs";
import { GeistSans } from "geist/font/sans";
import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { Header } from "@/parts/header";
import { ClerkSession } from "@/session/clerk-session";
import { LocalSession } from "@/session/local-session";
import { authMode } from "@/session/mode";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Mission Control", template: "%s · Mission Control" },
  description: "Organizations, the people in them, and your profile",
};

export const viewport: Viewport = {
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f7f7fa" },
    { media: "(prefers-color-scheme: dark)", color: "#111217" },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  const application = (
    <>
      <Header />
      {children}
    </>
  );
  return (
    <html lang="en" className={GeistSans.variable}>
      <body>
        {authMode === "clerk" ? (
          <ClerkProvider afterSignOutUrl={process.env.NEXT_PUBLIC_CLERK_AFTER_SIGN_OUT_URL ?? "/"}>
            <ClerkSession>{application}</ClerkSession>
          </ClerkProvider>
        ) : (
          <LocalSession>{application}</LocalSession>
        )}
      </body>
    </html>
  );
}

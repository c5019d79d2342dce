"use client";

import { OrganizationSwitcher, Show, UserButton } from "@clerk/nextjs";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { authMode } from "@/session/mode";
import { useSession } from "@/session/session";

const PAGES = [
  { href: "/boards", name: "Organizations" },
  { href: "/settings", name: "Settings" },
];

export function Header() {
  const { status, signOut } = useSession();
  const path = usePathname();
  return (
    <header className="header">
      <Link className="brand" href="/">
        Mission Control
      </Link>
      {status === "signed-in" && (
        <nav aria-label="Main">
          {PAGES.map(({ href, name }) => (
            <Link key={href} href={href} aria-current={path.startsWith(href) ? "page" : undefined}>
              {name}
            </Link>
          ))}
        </nav>
      )}
      <div className="account">
        {authMode === "clerk" ? (
          <Show when="signed-in">
            <OrganizationSwitcher />
            <UserButton />
          </Show>
        ) : (
          <button onClick={() => void signOut()}>Sign out</button>
        )}
      </div>
    </header>
  );
}

import type { FormEvent } from "react";

export function TokenBox({ onToken }: { onToken: (token: string) => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get("token");
    if (typeof token === "string" && token.trim()) onToken(token.trim().replace(/^Bearer\s+/i, ""));
  };
  return (
    <main className="page narrow">
      <h1>Mission Control</h1>
      <form className="card form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="token">Token</label>
          <input id="token" name="token" type="password" autoComplete="off" required aria-describedby="token-hint" />
          <p id="token-hint" className="hint">
            The <code>LOCAL_AUTH_TOKEN</code> of the server. This page does not keep it.
          </p>
        </div>
        <button className="primary">Sign in</button>
      </form>
    </main>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="muted" role="status">
      Loading {what}…
    </p>
  );
}

export function Fault({ error }: { error: Error }) {
  return (
    <div role="alert" className="card fault">
      <strong>That did not work.</strong>
      <p>{error.message}</p>
    </div>
  );
}

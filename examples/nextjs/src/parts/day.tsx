const FORMAT = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** The day of a time that the API gives, as it is where the reader is. */
export function Day({ of }: { of: string }) {
  return <time dateTime={of}>{FORMAT.format(new Date(of))}</time>;
}

// The figures as bars, in a picture that is legible on light and on dark pages.

const WIDTH = 760;
const LEFT = 150;
const RIGHT = 130;
const BAR = 22;
const GAP = 8;

/** An SVG of the requests per second, a group of bars for each database. */
export function draw(rows) {
  const most = Math.max(...rows.map((row) => row.rate));
  const databases = [...new Set(rows.map((row) => row.database))];
  let y = 44;
  const parts = [];
  for (const database of databases) {
    parts.push(`<text class="group" x="0" y="${y + 4}">${database}</text>`);
    y += 16;
    for (const row of rows.filter((one) => one.database === database)) {
      const width = Math.max(2, (row.rate / most) * (WIDTH - LEFT - RIGHT));
      const kind = row.name === "Mission Control" ? "ours" : "peer";
      parts.push(
        `<text class="name" x="${LEFT - 10}" y="${y + BAR * 0.7}">${row.name}</text>`,
        `<rect class="${kind}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3"/>`,
        `<text x="${(LEFT + width + 8).toFixed(1)}" y="${y + BAR * 0.7}">${Math.round(row.rate).toLocaleString("en")} /s</text>`,
      );
      y += BAR + GAP;
    }
    y += 20;
  }
  const label = rows.map((row) => `${row.name} on ${row.database}: ${Math.round(row.rate)}`).join("; ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="Requests per second. ${label}.">
<style>
  text { font: 13px system-ui, sans-serif; fill: #57606a; }
  .title { font-weight: 600; fill: #24292f; } .group { font-weight: 600; } .name { text-anchor: end; }
  .ours { fill: #0a7d55; } .peer { fill: #8c959f; }
  @media (prefers-color-scheme: dark) { text { fill: #9198a1; } .title { fill: #f0f6fc; } .ours { fill: #2da678; } .peer { fill: #6e7681; } }
</style>
<text class="title" x="0" y="18">Requests per second: me, its memberships and their organizations</text>
${parts.join("\n")}
</svg>
`;
}

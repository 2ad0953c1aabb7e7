// Numbers, sizes and spans as people read them: as src/logkeep/web/shown.py writes them.

const NOTHING = "–";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SPANS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export function count(value) {
  return value === null ? NOTHING : Math.round(value).toLocaleString("en-US");
}

export function size(value) {
  if (value === null) return NOTHING;
  let amount = value;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount.toFixed(unit === 0 || amount >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

export function span(seconds) {
  if (seconds === null) return NOTHING;
  if (seconds > 0 && seconds < 1) return `${seconds.toFixed(1)} s`;
  let left = Math.round(seconds);
  const parts = [];
  for (const [length, unit] of SPANS) {
    if (left >= length) {
      parts.push(`${Math.floor(left / length)} ${unit}`);
      left %= length;
    }
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

export function percent(share) {
  return share === null ? NOTHING : `${(share * 100).toFixed(0)} %`;
}

export function plural(number, one) {
  return `${count(number)} ${one}${number === 1 ? "" : "s"}`;
}

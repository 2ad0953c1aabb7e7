// Levels as senders write them, and the few kinds that are told apart by colour: the words of web/logs/levels.py.

const WORDS = {
  fatal: "fatal critical crit emergency emerg alert panic",
  error: "error err severe failure fail failed",
  warn: "warn warning",
  info: "info information informational notice ok success",
  debug: "debug dbug fine",
  trace: "trace verbose silly finer finest",
};

const KINDS = new Map(
  Object.entries(WORDS).flatMap(([kind, words]) => words.split(" ").map((word) => [word, kind])),
);

export function kindOf(level) {
  return KINDS.get(level.trim().toLowerCase()) ?? "none";
}

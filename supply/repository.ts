/**
 * This project's Git repository, as far as a release asks and changes it. Nothing here reaches another one.
 *
 * @module
 */
import { highestFirst, isVersion } from "./version.ts";

/** Git refused; the message says what, and is for people. */
export class GitError extends Error {
  override readonly name = "GitError";
}

export class Repository {
  readonly #folder: URL;

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** What differs from the last commit, untracked files among it, a line for each path. */
  async changes(): Promise<string[]> {
    return linesOf(await this.#git("status", "--porcelain"));
  }

  /** Whether there is a tag of this version, anywhere. */
  async isTagged(version: string): Promise<boolean> {
    return await this.#git("tag", "--list", tagOf(version)) !== "";
  }

  /** The highest version whose tag leads here; null where there is none. */
  async lastVersion(): Promise<string | null> {
    const tags = linesOf(await this.#git("tag", "--list", "v*", "--merged", "HEAD"));
    const versions = tags.map((tag) => tag.slice(1)).filter(isVersion);
    return versions.sort(highestFirst)[0] ?? null;
  }

  /** The first lines of the commits since a version, the oldest first, merges left out. */
  async subjectsSince(version: string): Promise<string[]> {
    return linesOf(
      await this.#git("log", "--reverse", "--no-merges", "--format=%s", `refs/tags/${tagOf(version)}..HEAD`),
    );
  }

  /**
   * Commits one changed file and tags the commit.
   *
   * @throws GitError where Git refuses one of the two; commit, tag and file are then as they were.
   */
  async commitTagged(path: string, version: string, message: string): Promise<void> {
    const before = await this.#git("rev-parse", "HEAD");
    try {
      await this.#git("commit", "--quiet", `--message=${message}`, "--", path);
      await this.#git("tag", "--annotate", `--message=${message}`, tagOf(version));
    } catch (error) {
      await this.#git("reset", "--quiet", "--soft", before);
      await this.#git("restore", "--staged", "--worktree", "--", path);
      throw error;
    }
  }

  async #git(...args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("git", { args: [...args], cwd: this.#folder })
      .output();
    const [said, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    if (!success) throw new GitError(`git ${args[0]} failed\n${complaint}`);
    return said ?? "";
  }
}

/** `v0.2.0` */
export function tagOf(version: string): string {
  return `v${version}`;
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

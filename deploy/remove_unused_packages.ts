/**
 * Takes the packages out of `deno.json` that no source in this folder imports: an image is built from the sources of
 * the service alone, and is to hold its packages alone. The lock file follows with the next `deno install`.
 *
 * Run in the folder that the image is built from.
 *
 * @module
 */

if (import.meta.main) {
  const project = JSON.parse(await Deno.readTextFile("deno.json"));
  const sources = await sourcesIn(".");
  const used = Object.entries(project.imports).filter(([name]) =>
    sources.some((source) => names(source, name))
  );
  await Deno.writeTextFile("deno.json", JSON.stringify({ ...project, imports: Object.fromEntries(used) }));
}

/** Whether the source has the package as a specifier, by itself or with a path behind it. */
function names(source: string, name: string): boolean {
  return source.includes(`"${name}${name.endsWith("/") ? "" : '"'}`) || source.includes(`"${name}/`);
}

async function sourcesIn(folder: string): Promise<string[]> {
  const sources: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) sources.push(...await sourcesIn(path));
    else if (/\.tsx?$/.test(name)) sources.push(await Deno.readTextFile(path));
  }
  return sources;
}

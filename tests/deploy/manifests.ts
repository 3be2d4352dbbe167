/**
 * The Kubernetes manifests of `deploy/kubernetes`, as kustomize would gather them.
 *
 * @module
 */
import { parse, parseAllDocuments } from "yaml";
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";

export const KUBERNETES_FOLDER = `${PROJECT_FOLDER}deploy/kubernetes`;

/** Any object of Kubernetes, as far as all are alike. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
}

export type Labels = Readonly<Record<string, string>>;

export interface Kustomization {
  readonly namespace: string;
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly envs: readonly string[] }[];
  readonly images: readonly { readonly name: string; readonly newTag: string }[];
}

export async function readKustomization(): Promise<Kustomization> {
  return parse(await Deno.readTextFile(`${KUBERNETES_FOLDER}/kustomization.yaml`));
}

/** All that the files under `resources` say. */
export async function readManifests(): Promise<Manifest[]> {
  const { resources } = await readKustomization();
  const texts = await Promise.all(resources.map((name) => Deno.readTextFile(`${KUBERNETES_FOLDER}/${name}`)));
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()));
}

/** The lines `NAME=value` of a file for `configMapGenerator`. */
export function settingsOf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => {
    const [variable = "", ...rest] = line.split("=");
    return [variable, rest.join("=")];
  }));
}

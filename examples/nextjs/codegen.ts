import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  // A copy of this folder elsewhere takes the output of `mission-control schema`.
  schema: process.env.SCHEMA ?? "../../schema.graphql",
  documents: ["src/**/*.{ts,tsx}", "!src/gql/**"],
  ignoreNoDocuments: true,
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true,
        scalars: { DateTime: "string" },
        useTypeImports: true,
        enumsAsTypes: true,
        // Apollo Client asks for it everywhere.
        nonOptionalTypename: true,
        skipTypeNameForRoot: true,
      },
    },
  },
};

export default config;

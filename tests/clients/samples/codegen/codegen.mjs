// How a front end gets types for its queries from the schema.
export default {
  schema: process.env.SCHEMA,
  documents: "operations.ts",
  generates: {
    "generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        scalars: { DateTime: "string" },
        strictScalars: true,
        nonOptionalTypename: true,
        skipTypeNameForRoot: true,
        useTypeImports: true,
        emitLegacyCommonJSImports: false,
      },
    },
  },
};

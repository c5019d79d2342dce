import type { NextConfig } from "next";

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  // This folder is a project of its own, whatever lies above it.
  turbopack: { root: import.meta.dirname },
};

export default config;

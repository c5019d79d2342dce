/** `clerk`, unless the installation says that one shared token is all there is. */
export const authMode = process.env.NEXT_PUBLIC_AUTH_MODE === "local" ? "local" : "clerk";

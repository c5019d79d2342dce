// Stands in for Clerk's browser script: the members that the page uses, and a note of how.
{
  const listeners = new Set();
  const tell = () => listeners.forEach((listener) => listener(window.Clerk));
  const asked = {
    publishableKey: document.querySelector("script[data-clerk-publishable-key]").dataset.clerkPublishableKey,
  };
  window.Clerk = {
    asked,
    user: undefined,
    session: undefined,
    async load(options) {
      asked.load = options;
      this.user = null;
      this.session = null;
    },
    addListener(listener) {
      listeners.add(listener);
      listener(this);
    },
    async redirectToSignIn(options) {
      asked.signIn = options;
      const token = await window.signedToken();
      this.user = { id: "user_page", fullName: "Zoë Ångström" };
      this.session = { getToken: async () => token };
      tell();
    },
    async signOut() {
      this.user = null;
      this.session = null;
      tell();
    },
  };
}

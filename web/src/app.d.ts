declare global {
  namespace App {
    interface PageState {
      dialog?: string;
    }
  }
}

export {};

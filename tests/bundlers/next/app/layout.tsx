import type { ReactNode } from "react";
import "portcullis/model-gate.css";
import "portcullis/react.css";

export const metadata = { title: "Next", icons: { icon: "data:," } };

export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}

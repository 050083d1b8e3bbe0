import MiniCssExtractPlugin from "mini-css-extract-plugin";

export default {
  mode: "production",
  entry: "./src/main.ts",
  output: { filename: "main.js", publicPath: "/" },
  module: {
    rules: [
      { test: /\.ts$/, use: "ts-loader", exclude: /node_modules/ },
      { test: /\.css$/, use: [MiniCssExtractPlugin.loader, "css-loader"] },
    ],
  },
  plugins: [new MiniCssExtractPlugin()],
  // The module is a file beside the script, so its size is no matter of the script's.
  performance: { assetFilter: (name) => !name.endsWith(".wasm") },
};

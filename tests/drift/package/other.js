const ENDPOINTS = { LISTEN: "/v1/hear" };
const say = { url: `${this.baseUrl}/other/say`, method: "POST" };
const listen = { url: ENDPOINTS.LISTEN };
const path = formatMap("{model}:generate", urlParams);
const request = { httpMethod: "POST" };
const count = formatMap("{model}:count", urlParams);
const counted = { httpMethod: "POST" };

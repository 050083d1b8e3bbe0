/** The demo keys of `make run`: an account record for each, for policies/mythos-suspension.toml. */
const FUTURE = "2099-01-01T00:00:00Z";

export const KEY_SECRET = "demo-key-secret";
/** Key of the demo policy's secret lists, in hexadecimal digits. `make policy` compiles with it. */
export const LIST_KEY = "64656d6f2d6c6973742d6b65793a206576657279626f6479206b6e6f77732069";
/** Keys of the access header and of its acknowledgement. Here both sides run on one machine. */
export const ACCESS_KEY = "demo-gate:hmac-sha256:0HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=";
export const ENFORCED_KEY = "demo-origin:hmac-sha256:sE/p7cuY149Ks/CxDgzXMtj5OfHZyb+VeGiyPtMGba0=";

export const ACCOUNTS = {
  "sk-demo-us-person": {
    subject: "person",
    org_id: "acme",
    relation: "end_user",
    employee: false,
    billing_country: "US",
    citizenships: ["US"],
    export: { us_person_ear: true, evidence: "document_verified", verified_until: FUTURE },
  },
  "sk-demo-foreign": {
    subject: "person",
    org_id: "acme",
    relation: "end_user",
    employee: false,
    billing_country: "FR",
    citizenships: ["FR"],
    export: { us_person_ear: false, evidence: "document_verified", verified_until: FUTURE },
  },
  "sk-demo-employee-foreign": {
    subject: "person",
    org_id: "provider",
    relation: "staff",
    employee: true,
    billing_country: "GB",
    citizenships: ["GB"],
    export: { us_person_ear: false, evidence: "employer_attested", verified_until: FUTURE },
  },
  "sk-demo-annex-foreign": {
    subject: "person",
    org_id: "org-annex-1",
    relation: "staff",
    employee: false,
    billing_country: "DE",
    citizenships: ["DE"],
    export: { us_person_ear: false, evidence: "document_verified", verified_until: FUTURE },
  },
  "sk-demo-unverified": {},
};

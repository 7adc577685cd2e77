export const meter = {
  "meter.of": { en: "{used} of {limit}", de: "{used} von {limit}" },
  "meter.ofLimit": { en: "of {limit}", de: "von {limit}" },
  "meter.reserved": { en: "{value} reserved for uploads", de: "{value} für Uploads reserviert" },
  "meter.warning": { en: "Nearly full", de: "Fast voll" },
  "meter.none": { en: "Not in this tier", de: "Nicht in diesem Tarif" },
  "meter.full": { en: "Full", de: "Voll" },
};

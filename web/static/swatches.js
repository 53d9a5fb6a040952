/* The small dots beside the names of colours. */

const NAMES = {
  "navy blue": "#1f2d54", navy: "#1f2d54", "off white": "#f3efe4", ivory: "#f6f1e1", cream: "#f4ecd3", beige: "#dcc9a6", tan: "#c9a271",
  khaki: "#9f936a", olive: "#6d6b36", mustard: "#d5a021", gold: "#c9a34a", silver: "#c3c7cc", steel: "#8b949c", bronze: "#9a6a3a",
  copper: "#b26b43", brown: "#6b4630", "coffee brown": "#4b3326", "mushroom brown": "#9c8a7a", taupe: "#8f8178", nude: "#e3bfa3",
  skin: "#e8c4a6", peach: "#f6b894", rust: "#a8472a", maroon: "#6b1f2e", burgundy: "#641c34", magenta: "#c2287d", rose: "#d9607c",
  lavender: "#b9a5d6", mauve: "#a97fa0", purple: "#6c3f98", red: "#c62f36", pink: "#ec8fb0", orange: "#e8792b", yellow: "#f2cd3c",
  green: "#3c8a4d", "sea green": "#3f9d84", "lime green": "#9cc53b", "fluorescent green": "#7fe03a", teal: "#1c7c80",
  "turquoise blue": "#35b3c1", turquoise: "#35b3c1", blue: "#2f66b8", "light blue": "#8fbfe6", grey: "#8f9296", gray: "#8f9296",
  fuchsia: "#d4248a", mint: "#9edebe", lilac: "#c3aee0", coral: "#f07a67", cobalt: "#2660cc",
  "grey melange": "#a9acb0", charcoal: "#3f4347", black: "#17181a", white: "#ffffff", metallic: "#a9afb5",
};

export const isColour = (name) => /colou?r$/i.test(name);

/** A CSS colour for a colour's name, or null when the name says too little ("Multi"). */
export const swatchColour = (value) => NAMES[String(value).trim().toLowerCase()] ?? null;

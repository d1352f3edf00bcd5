/** The grid of the drawing, in CSS pixels; rows of words have its height, too. */
export const ROW = 52;
export const LANE = 16;
export const INSET = 16;

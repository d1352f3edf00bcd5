/** True in builds that carry the scripted transport; false in the product. */
declare const __MOCK__: boolean;

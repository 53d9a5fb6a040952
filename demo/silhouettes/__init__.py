"""How each article of the catalog looks: one function per article, from a `Garment` to SVG."""

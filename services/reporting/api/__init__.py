"""HTTP: routes, shapes, who may call them, and how refusals are told."""

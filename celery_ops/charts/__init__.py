"""Charts as SVG: where everything lies is worked out here, templates write it and the stylesheet paints it."""

more: top

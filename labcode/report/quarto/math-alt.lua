-- A tagged PDF needs a text for every formula: its TeX source. HTML has MathML, which can be read as it is.
function Math(math)
  if FORMAT ~= "typst" then return end
  local open = ("#[#set math.equation(alt: %s)\n"):format(pandoc.json.encode(math.text))
  return { pandoc.RawInline("typst", open), math, pandoc.RawInline("typst", "]") }
end

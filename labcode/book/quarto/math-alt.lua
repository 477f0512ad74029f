-- A tagged PDF needs a text for every formula: its TeX source. HTML has MathML, which can be read as it is.
if FORMAT ~= "typst" then return {} end

return {
  {
    Math = function(math)
      local open = ("#[#set math.equation(alt: %s)\n"):format(pandoc.json.encode(math.text))
      return { pandoc.RawInline("typst", open), math, pandoc.RawInline("typst", "]") }
    end,
  },
}

-- The PDF is tagged, so that a screen reader can use it: formulas and figures need a text. What would stop Typst, or stay
-- in the PDF as "?@sec-x", stops here with the chapter it stands in.
if FORMAT ~= "typst" then return {} end

-- Line of the cell that drew a picture, from its number or label in the name of the picture's file.
local function line_of_cell(chapter, cell)
  local number, seen, line = tonumber(cell:match("^cell%-(%d+)$")), 1, 0
  for text in io.lines(chapter) do
    line = line + 1
    if text:match("^```+%s*{python") then
      seen = seen + 1
      if seen == number then return line end
    elseif text:match("^#|%s*label:%s*(%S+)") == cell then
      return line
    end
  end
end

local function stop(message)
  io.stderr:write(message, "\n")
  os.exit(1)
end

local function no_alt(image)
  local file, cell = image.src:match("^(.*)_files/figure%-typst/(.-)%-output%-%d+")
  local chapter = file and file:gsub("^%./", "") .. ".qmd"
  local readable = chapter and io.open(chapter)
  if readable then readable:close() end
  local place = readable and ("%s:%s"):format(chapter, line_of_cell(chapter, cell) or "?") or image.src
  stop(("%s: this figure has no alt text; add `#| fig-alt: \"…\"`, or {fig-alt=\"…\"}"):format(place))
end

return {
  {
    Math = function(math)
      local open = ("#[#set math.equation(alt: %s)\n"):format(pandoc.json.encode(math.text))
      return { pandoc.RawInline("typst", open), math, pandoc.RawInline("typst", "]") }
    end,
    Image = function(image)
      if not (image.attributes["fig-alt"] or image.attributes["alt"] or #image.caption > 0) then no_alt(image) end
    end,
    Strong = function(strong)
      local label = pandoc.utils.stringify(strong):match("^%?@([%w-]+)$")
      if label then stop("Unable to resolve crossref @" .. label) end
    end,
  },
}

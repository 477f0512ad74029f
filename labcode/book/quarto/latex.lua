-- For LaTeX alone: what the other formats have as options under `format:`, where all that is listed is rendered.
if not quarto.doc.is_format("latex") then return {} end

local function callout_kind(div)
  for _, class in ipairs(div.classes) do
    local kind = class:match("^callout%-(%a+)$")
    if kind then return kind end
  end
end

-- A title that stands in the callout as a heading, or as its attribute, or else the name of its kind.
local function take_title(div, kind)
  local first = div.content[1]
  if first and first.t == "Header" then
    div.content:remove(1)
    return first.content
  end
  local title = div.attributes.title
  return title and pandoc.Inlines(title) or pandoc.Inlines(kind:gsub("^%l", string.upper))
end

return {
  {
    Meta = function(meta)
      quarto.doc.include_file("in-header", "latex.tex")
      meta.lof, meta.lot = true, true
      meta.linkcolor, meta.urlcolor, meta.citecolor = "link", "link", "link"
      return meta
    end,
    -- The PDF shows no cells, as Typst's.
    CodeBlock = function(code)
      if code.classes:includes("cell-code") then return {} end
    end,
    RawInline = function(raw)
      if raw.format == "html" and raw.text:match("^<br%s*/?>$") then return pandoc.LineBreak() end
    end,
    -- Quarto's own callouts need a package with hundreds of megabytes of icons.
    Div = function(div)
      local kind = callout_kind(div)
      if not kind then return end
      local open = pandoc.Inlines { pandoc.RawInline("latex", "\\begin{callout}{") }
      open:extend(take_title(div, kind))
      open:insert(pandoc.RawInline("latex", "}"))
      local blocks = pandoc.Blocks { pandoc.Plain(open) }
      blocks:extend(div.content)
      blocks:insert(pandoc.RawBlock("latex", "\\end{callout}"))
      return blocks
    end,
  },
}

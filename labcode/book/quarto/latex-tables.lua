-- For LaTeX alone, once tables are LaTeX: a caption stands once, and no page holds a head or a last row alone.
if not quarto.doc.is_format("latex") then return {} end

-- Rows up to which a table stays on one page, and rows at either end that stay together in a longer one.
local SHORT, KEPT = 12, 3

local function keep_together(rows)
  local ends = select(2, rows:gsub("\\\\\n", ""))
  local row = 0
  return (rows:gsub("\\\\\n", function()
    row = row + 1
    return (ends <= SHORT or row < KEPT or row > ends - KEPT) and "\\\\*\n" or nil
  end))
end

return {
  {
    RawBlock = function(raw)
      local head, rest = raw.text:match("^(.-)\\endhead(.*)$")
      if raw.format ~= "latex" or not head then return end
      local foot, rows = rest:match("^(.-\\endlastfoot)(.*)$")
      if not foot then foot, rows = "", rest end
      raw.text = head .. "\\endfirsthead\n" .. head .. "\\endhead" .. foot .. keep_together(rows)
      return raw
    end,
  },
}

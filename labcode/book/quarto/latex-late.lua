-- For LaTeX alone, once figures and tables are known as such: short captions for the lists, code and tables that fit.
if not quarto.doc.is_format("latex") then return {} end

-- Widths of a letter in a table and of the space between two columns, as shares of a line.
local LETTER, GAP = 0.0108, 0.02

local function first_sentence(inlines)
  local kept = pandoc.Inlines {}
  for _, inline in ipairs(inlines) do
    local last = inline.t == "Str" and inline.text:match("^(.*)%.$")
    kept:insert(last and pandoc.Str(last) or inline)
    if last then break end
  end
  return kept
end

local function short_caption(float)
  local caption = float.caption_long and quarto.utils.as_inlines(float.caption_long)
  if not caption or #caption == 0 then return end
  local short = pandoc.Pandoc { pandoc.Plain(first_sentence(caption)) }
  float.attributes["fig-scap"] = pandoc.write(short, "markdown"):gsub("%s+", " "):gsub(" $", "")
  return float
end

-- Code may be broken behind _ . / and before a capital.
local function breakable(code)
  if #code.text <= 12 or #code.attributes > 0 then return end
  local marked = code.text:gsub("([_./])(%w)", "%1\0%2"):gsub("(%l)(%u)", "%1\0%2")
  local parts = pandoc.Inlines {}
  for part in marked:gmatch("%Z+") do
    if #parts > 0 then parts:insert(pandoc.RawInline("latex", "\\allowbreak{}")) end
    parts:insert(pandoc.Code(part))
  end
  return parts
end

local function longest_word(cell)
  local longest = 0
  for word in pandoc.utils.stringify(pandoc.Div(cell.contents)):gmatch("[^%s%-_/]+") do
    longest = math.max(longest, utf8.len(word) or #word)
  end
  return longest
end

-- A column is never narrower than its longest word: it takes from those that have room.
local function fitting_columns(tbl)
  local least, total, room = {}, 0, 0
  local rows = pandoc.List(tbl.head.rows):clone()
  for _, body in ipairs(tbl.bodies) do rows:extend(body.body) end
  for i, spec in ipairs(tbl.colspecs) do
    if type(spec[2]) ~= "number" or spec[2] == 0 then return end
    least[i] = GAP
    for _, row in ipairs(rows) do
      if row.cells[i] then least[i] = math.max(least[i], GAP + LETTER * longest_word(row.cells[i])) end
    end
    total = total + math.max(spec[2], least[i])
    room = room + math.max(spec[2] - least[i], 0)
  end
  local share = room > 0 and math.min(math.max(total - 1, 0) / room, 1) or 0
  tbl.colspecs = pandoc.List(tbl.colspecs):map(function(spec, i)
    return { spec[1], math.max(spec[2], least[i]) - share * math.max(spec[2] - least[i], 0) }
  end)
  return tbl
end

-- About how many lines a row takes.
local function lines_of(row, colspecs)
  local lines = 1
  for i, cell in ipairs(row.cells) do
    local width = colspecs[i] and type(colspecs[i][2]) == "number" and colspecs[i][2] or 0
    local letters = utf8.len(pandoc.utils.stringify(pandoc.Div(cell.contents))) or 0
    if width > 0 then lines = math.max(lines, math.ceil(1.1 * letters * LETTER / width)) end
  end
  return lines
end

-- Lines of the tables in a block as far as they stay together (see latex-tables.lua), captions and heads included.
local function lines_together(block)
  local lines = 0
  block:walk {
    Table = function(tbl)
      local rows = pandoc.List {}
      for _, body in ipairs(tbl.bodies) do rows:extend(body.body) end
      lines = lines + 8
      for i = 1, #rows <= 12 and #rows or 3 do lines = lines + lines_of(rows[i], tbl.colspecs) end
    end,
  }
  return lines
end

-- A heading goes to the next page with the table below it; LaTeX alone would leave it behind.
local function headings_with_tables(blocks)
  local all = pandoc.Blocks {}
  for i, block in ipairs(blocks) do
    local lines = block.t == "Header" and blocks[i + 1] and lines_together(blocks[i + 1]) or 0
    if lines > 0 then
      all:insert(pandoc.RawBlock("latex", ("\\needspace{%d\\baselineskip}"):format(math.min(lines, 35))))
    end
    all:insert(block)
  end
  return all
end

return { { FloatRefTarget = short_caption, Code = breakable, Table = fitting_columns, Blocks = headings_with_tables } }

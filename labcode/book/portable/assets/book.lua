-- Makes one numbered, cross-referenced document of the executed chapters that the file named by metadata `book` holds.
local html = FORMAT ~= "typst"
local KINDS = { fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section" }
local CALLOUTS = pandoc.List { "note", "tip", "warning", "important", "caution" }
local book, targets, missing, seen, tabsets = nil, {}, {}, {}, 0

local function raw(text) return pandoc.RawBlock(html and "html" or "typst", text) end
local function raw_inline(text) return pandoc.RawInline(html and "html" or "typst", text) end
local function parse(text) return pandoc.utils.blocks_to_inlines(pandoc.read(text, "markdown").blocks) end
local function kind_of(id) return KINDS[id:match "^(%a+)%-" or ""] and id:match "^%a+" end
local function plain(inlines) return pandoc.utils.stringify(inlines) end

local function is_here(format) return html == (format:match "^html" ~= nil) and not format:match "^latex" end

local function hidden(el)
  local edition, other = el.attributes["when-profile"], el.attributes["unless-profile"]
  if edition or other then
    local here = (not edition or edition == book.edition) and other ~= book.edition
    if el.classes:includes "content-visible" then return not here end
    return el.classes:includes "content-hidden" and here
  end
  local when, unless = el.attributes["when-format"], el.attributes["unless-format"]
  local matches = when and is_here(when) or unless and not is_here(unless)
  if el.classes:includes "content-visible" then return not matches end
  if el.classes:includes "content-hidden" then return matches or not (when or unless) end
  return not html and el.classes:includes "dark-content"
end

local function callout(div, kind)
  local title = div.attributes.title and parse(div.attributes.title)
  if not title and div.content[1] and div.content[1].t == "Header" then title = div.content:remove(1).content end
  title = title or pandoc.Inlines(kind:gsub("^%l", string.upper))
  if not html then
    return { raw('#callout("' .. kind .. '", ['), pandoc.Plain(title), raw "])[", pandoc.Div(div.content), raw "]" }
  end
  local class, collapse = "callout callout-" .. kind, div.attributes.collapse
  local open = collapse and ('<details class="%s"%s><summary>'):format(class, collapse == "false" and " open" or "")
    or ('<div class="%s" role="note"><p class="callout-title">'):format(class)
  local head = pandoc.Plain { raw_inline(open), pandoc.Span(title), raw_inline(collapse and "</summary>" or "</p>") }
  return { head, pandoc.Div(div.content), raw(collapse and "</details>" or "</div>") }
end

local function tabset(div)
  tabsets = tabsets + 1
  local out, tab, level = pandoc.Blocks {}, 0, nil
  for _, block in ipairs(div.content) do
    level = level or block.level
    if block.t == "Header" and block.level == level then
      tab = tab + 1
      if html then
        local id, checked = ("tab-%d-%d"):format(tabsets, tab), tab == 1 and " checked" or ""
        local input = ('<input type="radio" name="tabs-%d" id="%s"%s>'):format(tabsets, id, checked)
        local open = raw_inline(input .. '<label for="' .. id .. '">')
        out:insert(pandoc.Plain { open, pandoc.Span(block.content), raw_inline "</label>" })
        out:insert(pandoc.Div({}, { class = "panel" }))
      else
        out:insert(pandoc.Para { pandoc.Strong(block.content) })
      end
    elseif html and tab > 0 then
      out[#out].content:insert(block)
    else
      out:insert(block)
    end
  end
  return pandoc.Div(out, { class = "panel-tabset" })
end

local function numeric_right(tbl)
  local row = tbl.bodies[1] and tbl.bodies[1].body[1]
  for i, cell in ipairs(row and row.cells or {}) do
    local number = plain(cell.contents):match "^[^%w]*%d[%d.,]*[^%w]*$"
    if number then tbl.colspecs[i] = { "AlignRight", tbl.colspecs[i][2] } end
  end
  return tbl
end

-- Content: what is shown in this format, callouts and tabs (whose headings get no number), tables from HTML.
local function content(chapter)
  local function source(path)
    if path:match "^%a+:" or path:match "^#" then return path end
    return path:sub(1, 1) == "/" and path:sub(2) or pandoc.path.normalize(pandoc.path.join { chapter.folder, path })
  end
  return {
    Div = function(div)
      if hidden(div) then return {} end
      for _, class in ipairs(div.classes) do
        local kind = class:match "^callout%-(%a+)$"
        if kind and CALLOUTS:includes(kind) then return callout(div, kind) end
        if class == "panel-tabset" then return tabset(div) end
      end
    end,
    Span = function(span) if hidden(span) then return {} end end,
    RawBlock = function(block)
      if block.format ~= "html" or not block.text:match "<table" or block.text:match "<script" then return end
      return pandoc.read(block.text, "html").blocks:walk { Table = numeric_right }
    end,
    Image = function(image)
      image.src = source(image.src)
      image.attributes.alt = image.attributes["fig-alt"] or image.attributes.alt or plain(image.caption)
      image.attributes["fig-alt"] = nil
      return image
    end,
    Link = function(link)
      local file, anchor = link.target:match "^([^#:]+%.qmd)(#?.*)$"
      if file then link.target = anchor ~= "" and anchor or "#" .. source(file) end
      return link
    end,
  }
end

-- Numbers: sections, figures, tables and equations, counted per chapter.
local function numbers(chapter)
  local counts, prefix = {}, chapter.number and book.number_sections and chapter.number .. "." or ""
  local levels = pandoc.List { chapter.number or 0 }
  local function count(id)
    local kind = id:match "^%a+"
    counts[kind] = (counts[kind] or 0) + 1
    targets[id] = { kind = KINDS[kind], number = prefix .. counts[kind] }
    return targets[id].number
  end
  local function captioned(id, blocks, caption)
    caption = pandoc.Inlines { KINDS[id:match "^%a+"] .. "\u{a0}" .. count(id) .. ": " } .. caption
    local figure = pandoc.Figure(blocks, { pandoc.Plain(caption) })
    return pandoc.Div(figure, { id = id, class = "float " .. id:match "^%a+" })
  end
  local function header(h)
    local id, unnumbered = h.identifier, prefix == "" or h.classes:includes "unnumbered"
    if h.level == 1 then h.identifier = chapter.page elseif seen[id] then h.identifier = id .. "-" .. chapter.name end
    seen[id] = true
    if not unnumbered and h.level > 1 then
      levels = pandoc.List { table.unpack(levels, 1, h.level) }
      for level = 1, h.level do levels[level] = levels[level] or 0 end
      levels[h.level] = levels[h.level] + 1
    end
    local number = not unnumbered and table.concat(levels, ".") or nil
    local appendix = tostring(chapter.number):match "^%a$"
    local kind = number and (h.level > 1 and "Section" or appendix and "Appendix" or "Chapter")
    targets[id] = { kind = kind, number = number, title = h.content, anchor = h.identifier }
    if number and html then
      local shown = h.level == 1 and appendix and "Appendix " .. number .. " —" or number
      local span = pandoc.Span(shown, { class = "header-section-number" })
      h.content = pandoc.Inlines { span, pandoc.Space() } .. h.content
    elseif not number then
      h.classes:insert "unnumbered"
    end
    return h
  end
  local function float(div)
    local id, code, caption = div.identifier, pandoc.Blocks {}, pandoc.Inlines {}
    local blocks = div.content
    if #blocks > 1 and blocks[#blocks].t == "Para" then caption = blocks:remove().content end
    blocks = blocks:walk {
      CodeBlock = function(c) if c.classes:includes "cell-code" then code:insert(c) return {} end end,
      Figure = function(f) return f.content end,
    }
    code:insert(captioned(id, blocks, caption))
    return code
  end
  return {
    Header = header,
    Div = function(div)
      if div.identifier:match "^fig%-" or div.identifier:match "^tbl%-" then return float(div) end
    end,
    Figure = function(f)
      if not f.identifier:match "^fig%-" then return end
      return captioned(f.identifier, f.content, pandoc.utils.blocks_to_inlines(f.caption.long))
    end,
    Table = function(t)
      if not t.identifier:match "^tbl%-" then return end
      local id, caption = t.identifier, pandoc.utils.blocks_to_inlines(t.caption.long)
      t.identifier, t.caption = "", pandoc.Caption {}
      return captioned(id, { t }, caption)
    end,
    Para = function(para)
      local last = para.content[#para.content]
      local id = last and last.t == "Str" and last.text:match "^{#(eq%-[%w-]+)}$"
      local math = id and para.content:find_if(function(el) return el.t == "Math" end)
      if not math then return end
      local number = "(" .. count(id) .. ")"
      if html then return pandoc.Div(pandoc.Plain { math, pandoc.Span(number) }, { id = id, class = "equation" }) end
      local open = raw_inline("#[#set math.equation(numbering: _ => [" .. number .. "])\n")
      return pandoc.Para { open, math, raw_inline(" <" .. id .. ">]") }
    end,
  }
end

local function code_block(c)
  local own, fold, file = c.classes:includes "cell-code", c.attributes["code-fold"], c.attributes.filename
  if own and not html and not book.pdf_echo then return {} end
  local summary = c.attributes["code-summary"]
  c.attributes, c.classes = {}, c.classes:filter(function(class) return not class:match "^cell%-code" end)
  if file and not html then
    return { raw "#block(sticky: true, below: 0.5em)[", pandoc.Plain(pandoc.Strong(pandoc.Code(file))), raw "]", c }
  end
  if file then return pandoc.Div({ pandoc.Para(pandoc.Code(file)), c }, { class = "code-file" }) end
  if not (own and html) or fold == "false" then return c end
  local open = fold == "show" and '<details class="code" open><summary>' or '<details class="code"><summary>'
  local head = pandoc.Plain { raw_inline(open), pandoc.Span(parse(summary)), raw_inline "</summary>" }
  return { head, c, raw "</details>" }
end

local function with_alt(element, inline, alt)
  return { raw_inline(("#[#set %s(alt: %s)\n"):format(element, pandoc.json.encode(alt))), inline, raw_inline "]" }
end

local function reference(item)
  local target, id = targets[item.id], item.id
  if not target and book.elsewhere[id] then
    pandoc.log.warn("@" .. id .. " is in a chapter that is not rendered; it is shown as plain text.")
    return pandoc.Inlines(KINDS[kind_of(id)] .. " “" .. id .. "”")
  end
  if not target then missing[#missing + 1] = id return pandoc.Inlines {} end
  local text = target.number and pandoc.Inlines(target.number) or target.title
  if #item.prefix > 0 then
    text = item.prefix .. { pandoc.Space() } .. text
  elseif item.mode ~= "SuppressAuthor" and target.kind then
    text = pandoc.Inlines { target.kind .. "\u{a0}" } .. text
  end
  return pandoc.Inlines { pandoc.Link(text, "#" .. (target.anchor or id), "", { class = "xref" }) } .. item.suffix
end

local references = {
  Image = function(image) if not html then return with_alt("image", image, image.attributes.alt) end end,
  Math = function(math) if not html then return with_alt("math.equation", math, math.text) end end,
  CodeBlock = code_block,
  Table = function(t)
    if html then return pandoc.Div({ t }, { class = "scroll", tabindex = "0" }) end
    for _, column in ipairs(t.colspecs) do if column[1] == "AlignDefault" then column[1] = "AlignLeft" end end
    return t
  end,
  Cite = function(cite)
    if not kind_of(cite.citations[1].id) then return end
    local out = pandoc.Inlines {}
    for i, item in ipairs(cite.citations) do
      out = out .. (i > 1 and { pandoc.Str ",", pandoc.Space() } or {}) .. reference(item)
    end
    return out
  end,
  Link = function(link)
    local id = link.target:match "^#(.+)$"
    if id and targets[id] and targets[id].anchor then link.target = "#" .. targets[id].anchor return link end
    if id and (id:match "%.qmd$" or kind_of(id)) and not targets[id] then
      if not book.elsewhere[id] then missing[#missing + 1] = id end
      return link.content
    end
  end,
}

function Pandoc(doc)
  local file <close> = assert(io.open(doc.meta.book, "r"))
  book = pandoc.json.decode(file:read "a", false)
  for key, value in pairs(book.meta) do doc.meta[key] = value end
  for _, chapter in ipairs(book.chapters) do seen[chapter.page] = true end
  for _, chapter in ipairs(book.chapters) do
    local part = pandoc.read(chapter.text, "markdown")
    if part.meta.title then part.blocks:insert(1, pandoc.Header(1, part.meta.title)) end
    targets[chapter.file] = { anchor = chapter.page }
    if not html and chapter.number then
      local place, letter = chapter.number, chapter.number:match "^%a$"
      if letter then place = letter:byte() - 64 end
      if book.number_sections then doc.blocks:insert(raw('#set heading(numbering: "' .. (letter and "A" or "1") .. '.1")')) end
      doc.blocks:insert(raw("#counter(heading).update(" .. place .. " - 1)"))
    end
    doc.blocks:extend(part.blocks:walk(content(chapter)):walk(numbers(chapter)))
  end
  doc.blocks = doc.blocks:walk(references)
  local known = {}
  for _, entry in ipairs(pandoc.utils.references(doc)) do known[entry.id] = true end
  doc:walk { Cite = function(cite)
    for _, item in ipairs(cite.citations) do if not known[item.id] then missing[#missing + 1] = item.id end end
  end }
  if #missing > 0 then error("unresolved: " .. table.concat(missing, " ") .. " .") end
  return doc
end

(function () {
  'use strict';
  var figures = JSON.parse(document.getElementById('figures').textContent);
  var style = function (name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); };

  function withOpacity(color, opacity) {
    var hex = color.length === 4 ? color.replace(/[0-9a-f]/gi, '$&$&') : color;
    var part = function (at) { return parseInt(hex.slice(at, at + 2), 16); };
    return 'rgba(' + part(1) + ',' + part(3) + ',' + part(5) + ',' + opacity + ')';
  }
  // Replaces the names of colors by the colors of the current theme.
  function inTheme(value) {
    if (Array.isArray(value)) return value.map(inTheme);
    if (value && typeof value === 'object') {
      return Object.keys(value).reduce(function (found, key) { found[key] = inTheme(value[key]); return found; }, {});
    }
    var named = typeof value === 'string' && /^var\((--[\w-]+)\)(?:@([\d.]+))?$/.exec(value);
    if (!named) return value;
    return named[2] ? withOpacity(style(named[1]), named[2]) : style(named[1]);
  }
  function loadPlotly() {
    if (window.Plotly) return;
    var script = document.createElement('script');
    script.textContent = document.getElementById('plotly').textContent;
    document.head.appendChild(script);
  }
  function draw(plot) {
    var figure = inTheme(figures[plot.dataset.figure]), layout = figure.layout;
    if (layout.grid && plot.clientWidth < 640) {
      layout.grid.rows *= layout.grid.columns;
      layout.grid.columns = 1;
      layout.height = 200 * layout.grid.rows;
      plot.style.height = layout.height + 'px';
    }
    layout.paper_bgcolor = layout.plot_bgcolor = style('--surface');
    layout.font = { family: style('--font'), size: 12, color: style('--ink-2') };
    layout.margin = { l: 40, r: 12, t: 12, b: 40 };
    layout.legend = { orientation: 'h', y: 1.12 };
    layout.hoverlabel = { bgcolor: style('--sunken'), font: { color: style('--ink') } };
    Object.keys(layout).filter(function (key) { return /^[xy]axis/.test(key); }).forEach(function (key) {
      layout[key].gridcolor = style('--line');
      layout[key].zerolinecolor = style('--line-2');
    });
    Plotly.react(plot, figure.data, layout, { displaylogo: false, responsive: true });
  }
  function addButton(still) {
    var id = still.dataset.figure, button = document.createElement('button'), plot = null;
    button.type = 'button';
    button.className = 'explore noprint';
    button.textContent = 'Explore this figure';
    button.setAttribute('aria-expanded', 'false');
    button.addEventListener('click', function () {
      var opens = button.getAttribute('aria-expanded') === 'false';
      button.setAttribute('aria-expanded', String(opens));
      button.textContent = opens ? 'Show the still figure' : 'Explore this figure';
      still.style.display = opens ? 'none' : '';
      if (!plot) {
        plot = document.createElement('div');
        plot.className = 'plot';
        plot.dataset.figure = id;
        plot.style.height = (figures[id].layout.height || Math.max(still.offsetHeight, 340)) + 'px';
        still.after(plot);
      }
      plot.style.display = opens ? '' : 'none';
      if (opens) { loadPlotly(); draw(plot); }
    });
    still.after(button);
  }
  document.querySelectorAll('.still[data-figure]').forEach(addButton);
  matchMedia('(prefers-color-scheme:dark)').addEventListener('change', function () {
    document.querySelectorAll('.plot').forEach(draw);
  });
})();

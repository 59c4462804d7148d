(function () {
  // '#dark' or '#light' in the address overrides the reader's setting.
  var root = document.documentElement, hash = location.hash;
  if (/dark/.test(hash)) root.dataset.theme = 'dark';
  if (/light/.test(hash)) root.dataset.theme = 'light';
})();

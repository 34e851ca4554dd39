for (const slider of document.querySelectorAll('.slider')) {
  const input = slider.querySelector('input'), output = slider.querySelector('output');
  const frames = slider.querySelectorAll('.frame');
  const show = () => {
    frames.forEach((f, i) => { f.hidden = i !== Number(input.value); });
    output.textContent = frames[input.value].dataset.name;
    input.setAttribute('aria-valuetext', output.textContent);
  };
  input.addEventListener('input', show);
  show();
}
const contents = document.querySelector('nav details');
if (contents && matchMedia('(max-width: 60rem)').matches) contents.open = false;
addEventListener('beforeprint', () => document.querySelectorAll('main details').forEach(d => { d.open = true; }));
for (const form of document.querySelectorAll('.calculator')) {
  const value = id => Number(form.querySelector(`[data-in="${id}"]`).value.replace(/[, ]/g, ''));
  const show = (id, x) => {
    const text = !isFinite(x) ? '–' : x >= 1e10 || x < 1e-4 && x > 0 ? x.toExponential(2).replace(/e\+?(-?\d+)/, (_, e) =>
      ' × 10' + [...e].map(d => d === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[d]).join('')) :
      (x >= 100 ? Math.round(x) : Number(x.toPrecision(3))).toLocaleString('en', { maximumFractionDigits: 6 });
    form.querySelector(`[data-out="${id}"]`).textContent = text;
  };
  form.addEventListener('input', () => {
    const ops = 6 * value('n') * value('t'), hours = ops / value('s') / 3600;
    show('ops', ops);
    show('dd', hours / 24);
    show('days', hours / 24 / value('d'));
    show('money', hours * value('p'));
  });
}

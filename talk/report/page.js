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

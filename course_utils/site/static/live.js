/**
 * Bring the page's figures to life, each when it comes near the screen.
 *
 * Until then, and where scripts are off, its still picture stands in its place.
 */

const KNOWN = new Set([
  "next-word",
  "segmentation",
  "head-view",
  "parameters",
  "story-losses",
  "descent",
  "what-if",
  "token-knobs",
  "token-surprises",
  "assistant",
]);

async function start(place) {
  const name = place.dataset.figure;
  const status = document.createElement("p");
  status.className = "course-loading";
  status.textContent = "The figure is loading …";
  place.append(status);
  try {
    if (!KNOWN.has(name)) throw new Error(`there is no figure ${name}`);
    const { setUp } = await import(`./figures/${name}.js`);
    await setUp(place, JSON.parse(place.dataset.settings));
    place.dataset.state = "alive";
  } catch (error) {
    status.textContent = `This figure stays a picture: ${error.message}`;
    place.dataset.state = "still";
  }
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      start(target);
    }
  },
  { rootMargin: "1200px" },
);
for (const place of document.querySelectorAll(".course-live")) watcher.observe(place);

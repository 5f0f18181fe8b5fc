// VitePress' own theme, in the fonts that a reader's system has.
import theme from 'vitepress/theme-without-fonts'
import './style.css'

export default theme
